"""What the flow and browser tests say and ask: the stack, its people, its mail, its sockets."""
