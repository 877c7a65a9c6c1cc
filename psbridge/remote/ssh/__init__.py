"""Sessions over SSH: a process ``ssh -s HOST powershell`` takes the engine's packets as is."""
