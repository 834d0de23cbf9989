"""The doors to other organisations: sockets, certificates, addresses, and who is near.

Nothing here knows what a frame says. Links carry frames both ways, in order, within limits of size, time
and number; everything else is decided by the core, whose effects are performed here.
"""
