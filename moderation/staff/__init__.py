"""Staff: who they are, and which department and areas they act for."""

from moderation.staff.desk import StaffDesk
from moderation.staff.models import Post, Scope, StaffProfile
from moderation.staff.profiles import change, colleague, hire, scope

__all__ = ["Post", "Scope", "StaffDesk", "StaffProfile", "change", "colleague", "hire", "scope"]
