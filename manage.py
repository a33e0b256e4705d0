#!/usr/bin/env python
"""Django's command line. `make run` and `make test` call it; so may you."""

import os
import sys

from lemonstudio import environment


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemonstudio.settings")
    # A person at a shell without any settings wants to try the studio out. A web server that imports
    # lemonstudio.wsgi gets no such default: there, production is what happens unless something else is said.
    environment.choose_kind()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
