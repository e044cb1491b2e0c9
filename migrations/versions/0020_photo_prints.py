"""Keep what pictures look like in a table that finds the same one again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create photo_prints in place of photos.likeness, which nothing searched."""
    op.drop_index("ix_photos_likeness", table_name="photos")
    op.drop_column("photos", "likeness")
    op.create_table(
        "photo_prints",
        sa.Column(
            "photo_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("sign", sa.BigInteger(), nullable=False),
        sa.Column("band_a", sa.Integer(), nullable=False),
        sa.Column("band_b", sa.Integer(), nullable=False),
        sa.Column("band_c", sa.Integer(), nullable=False),
        sa.Column("gist", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photos.id"],
            name=op.f("fk_photo_prints_photo_id_photos"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("photo_id", name=op.f("pk_photo_prints")),
    )
    for band in ("band_a", "band_b", "band_c"):
        op.create_index(
            f"ix_photo_prints_{band}", "photo_prints", [band, "sign", "photo_id"], unique=False
        )


def downgrade() -> None:
    """Drop the prints; photos.likeness comes back empty."""
    op.drop_table("photo_prints")
    op.add_column("photos", sa.Column("likeness", sa.BigInteger(), nullable=True))
    op.create_index("ix_photos_likeness", "photos", ["likeness"], unique=False)
