"""What an export is asked for: the filters and the order of the case list, without its pages."""

from moderation.schemas import CaseQuery


class ExportQuery(CaseQuery):
    """The filters of the case list; a file has no pages."""

    class Meta(CaseQuery.Meta):
        exclude = ("limit", "cursor")
