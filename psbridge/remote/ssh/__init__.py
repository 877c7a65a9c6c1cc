"""Sessions over SSH: a process ``ssh -s HOST powershell`` takes the engine's packets as they are.

target          what a user says
command_line    ssh's words
ssh_process     the process and its three pipes
packets         what is a packet of what it prints, and what is not
reasons         why it ended, and what to try
carrier         the threads that carry
"""
