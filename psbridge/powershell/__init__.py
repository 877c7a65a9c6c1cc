"""Python inside PowerShell: the PowerShell module PSBridge, and modules made from Python files."""
