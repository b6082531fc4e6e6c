"""Users: people and how they prove who they are, organizations and who may do what in them."""
