"""The lab: simulate, benchmark and tune with the very objects that decide in production."""
