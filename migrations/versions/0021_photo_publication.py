"""Keep redacted versions of photos, and what the public may see."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create photo_redactions; add content and public_key to photos."""
    # A CHECK that comes with its column needs no new table on SQLite, nor is it lost there.
    op.execute(
        "ALTER TABLE photos ADD COLUMN content VARCHAR(32) CONSTRAINT ck_photos_content"
        " CHECK (content IN ('pending', 'passed', 'refused', 'failed'))"
    )
    op.add_column("photos", sa.Column("public_key", sa.String(length=32), nullable=True))
    op.create_table(
        "photo_redactions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("photo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_photo_redactions_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name=op.f("fk_photo_redactions_photo_id_photos")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo_redactions")),
        sa.UniqueConstraint("key", name=op.f("uq_photo_redactions_key")),
        sa.UniqueConstraint("photo_id", "number", name=op.f("uq_photo_redactions_photo_id_number")),
        info={"append_only": True},
    )
    forbid_changes(op.get_bind(), "photo_redactions")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("photo_redactions")
    op.drop_column("photos", "public_key")
    op.drop_column("photos", "content")
