"""A PowerShell of our own: which packages, where from, and made into a folder.

Nothing is imported here: whoever only looks for our own copy needs none of what fetches one.
"""
