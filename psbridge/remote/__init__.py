"""Jobs on other machines: one transport of the engine, carried by pywinrm or by ssh."""
