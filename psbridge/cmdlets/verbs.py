"""PowerShell's approved verbs, by the group that documentation puts them into.

From ``about_Verbs`` ("Approved Verbs for PowerShell Commands"); the same as `Get-Verb` lists.
"""

from __future__ import annotations

import difflib

__all__ = ["APPROVED", "nearest_verb"]

APPROVED = frozenset(
    {
        # Common
        "Add", "Clear", "Close", "Copy", "Enter", "Exit", "Find", "Format", "Get", "Hide",
        "Join", "Lock", "Move", "New", "Open", "Optimize", "Pop", "Push", "Redo", "Remove",
        "Rename", "Reset", "Resize", "Search", "Select", "Set", "Show", "Skip", "Split", "Step",
        "Switch", "Undo", "Unlock", "Watch",
        # Communications
        "Connect", "Disconnect", "Read", "Receive", "Send", "Write",
        # Data
        "Backup", "Checkpoint", "Compare", "Compress", "Convert", "ConvertFrom", "ConvertTo",
        "Dismount", "Edit", "Expand", "Export", "Group", "Import", "Initialize", "Limit",
        "Merge", "Mount", "Out", "Publish", "Restore", "Save", "Sync", "Unpublish", "Update",
        # Diagnostic
        "Debug", "Measure", "Ping", "Repair", "Resolve", "Test", "Trace",
        # Lifecycle
        "Approve", "Assert", "Build", "Complete", "Confirm", "Deny", "Deploy", "Disable",
        "Enable", "Install", "Invoke", "Register", "Request", "Restart", "Resume", "Start",
        "Stop", "Submit", "Suspend", "Uninstall", "Unregister", "Wait",
        # Security
        "Block", "Grant", "Protect", "Revoke", "Unblock", "Unprotect",
        # Other
        "Use",
    }
)  # fmt: skip

# What people say, and the approved word for it.
_SYNONYMS = {
    "append": "Add", "attach": "Add", "change": "Set", "create": "New", "delete": "Remove",
    "display": "Show", "download": "Receive", "execute": "Invoke", "fetch": "Get", "check": "Test",
    "generate": "New", "kill": "Stop", "launch": "Start", "list": "Get", "load": "Import",
    "make": "New", "modify": "Edit", "print": "Write", "query": "Get", "retrieve": "Get",
    "run": "Invoke", "upload": "Send", "validate": "Test", "verify": "Test", "view": "Show",
    "count": "Measure", "calculate": "Measure", "erase": "Clear", "terminate": "Stop",
}  # fmt: skip


def nearest_verb(verb: str) -> str | None:
    """The approved verb that is nearest to one that is not; None for an approved one."""
    by_name = {approved.lower(): approved for approved in APPROVED}
    word = verb.lower()
    if word in by_name:
        return None
    if word in _SYNONYMS:
        return _SYNONYMS[word]
    return by_name[difflib.get_close_matches(word, by_name, n=1, cutoff=0.0)[0]]
