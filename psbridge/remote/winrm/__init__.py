"""Sessions over WinRM: pywinrm authenticates and encrypts, the engine makes the messages.

From the user down to the wire; each room knows only of those below it:

- `target`: what a user says of a machine, checked at once (`address`, `proxies`, `secrets`);
  `request`: what a cmdlet says.
- `carrier`: a session, with its shell, its commands and its connections.
- `connection`: one request and its answer, or an error of `errors` (`logons`: who may try to log
  on; `answers`: what came; `explaining`, `reasons`, `advice`, `pages`, `certificates`: why not).
- `mended`: pywinrm, with what has to be mended in it (`sealing`, `kerberos`, `ticket_cache`).
- `wire`, `tls`, `line`: HTTP, TLS and TCP, with the guards and the time.
"""
