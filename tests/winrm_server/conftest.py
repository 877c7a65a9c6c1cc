from .fixtures import machine, sshd, winrm_server

__all__ = ["machine", "sshd", "winrm_server"]
