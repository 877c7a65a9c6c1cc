"""The test server for the tests of the WinRM carrier."""

from tests.winrm_server.fixtures import machine, winrm_server

__all__ = ["machine", "winrm_server"]
