"""Second looks at verdicts that were drawn by chance, and how often reviewers agree."""

from moderation.reviews.desk import AwardDesk

__all__ = ["AwardDesk"]
