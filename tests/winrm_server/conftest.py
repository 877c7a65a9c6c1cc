from .fixtures import machine, winrm_server

__all__ = ["machine", "winrm_server"]
