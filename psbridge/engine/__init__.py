"""PowerShell in this process: where it is, getting one, starting it, and the C# half."""
