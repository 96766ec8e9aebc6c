"""What the growth test is made of: sizes, fill, scene (whom and what the calls are about), calls, meter, laws, report."""
