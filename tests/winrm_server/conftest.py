from .fixtures import machine, realm, sshd, started_realm, winrm_server

__all__ = ["machine", "realm", "sshd", "started_realm", "winrm_server"]
