"""`heterosched doctor`: what is wrong with an installation, why, and how to mend it."""
