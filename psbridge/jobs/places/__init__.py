"""Where the work of a child job is done: a thread, a process, an executor, an event loop."""
