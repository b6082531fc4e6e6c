from sqlalchemy.orm import DeclarativeBase

from subgraphs.kernel import db


class Base(DeclarativeBase):
    """A row of this subgraph, with a key of its own."""

    metadata = db.new_metadata()
    type_annotation_map = db.TYPE_MAP


class Record(db.Identified, Base):
    """A row with an id."""

    __abstract__ = True
