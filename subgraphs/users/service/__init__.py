"""The use cases of users, one module an aggregate."""
