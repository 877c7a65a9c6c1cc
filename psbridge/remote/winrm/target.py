"""STAND-IN until h-wire is merged."""
from __future__ import annotations
from dataclasses import dataclass, field
from ..carrying import Target

@dataclass
class WinRM(Target):
    host: str
    port: int = 5985
    auth: str = "basic"
    username: str = ""
    password: str = field(default="", repr=False)
    allow_unencrypted: bool = False
    configuration: str = "Microsoft.PowerShell"
    open_timeout: float = 30.0
    operation_timeout: float = 20.0
    idle_timeout: float|None = None
    no_profile: bool = False
    transport_name = "WinRM"
    @property
    def url(self): return f"http://{self.host}:{self.port}/wsman"
    @property
    def location(self): return self.host
    def carrier(self, transport, fan_out):
        from .carrier import WinRMCarrier
        return WinRMCarrier(transport, self, fan_out)
