"""Sessions over WinRM: pywinrm authenticates and encrypts, the engine makes the messages."""
