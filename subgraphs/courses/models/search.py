from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from subgraphs.courses.models.base import Base


class SearchDocument(Base):
    """What full-text search knows of a published course.

    Apart from the course, whose counters change often, since a change here is dear.
    """

    __tablename__ = "search_documents"
    course_id: Mapped[UUID] = mapped_column(
        ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True
    )
    title: Mapped[str]
    """Folded: lower case, without accents."""
    body: Mapped[str] = mapped_column(Text)
    """Plain text, from which snippets are cut."""
    document: Mapped[str] = mapped_column(TSVECTOR)
    __table_args__ = (Index("ix_search_documents_document", "document", postgresql_using="gin"),)


class SearchWord(Base):
    """A word that occurs in some public course: what a misspelt one is compared with."""

    __tablename__ = "search_words"
    word: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (
        Index(
            "ix_search_words_similar",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )
