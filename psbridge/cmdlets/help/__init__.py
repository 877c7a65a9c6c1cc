"""What Get-Help shows of a cmdlet written in Python, made from its docstring."""
