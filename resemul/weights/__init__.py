"""Models of other systems, read into ours. Nothing in their files is run.

The modules are imported by their names, so that the table of published weights needs
no library that reads files.
"""
