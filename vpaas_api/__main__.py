"""`python -m vpaas_api` is `vpaas`."""

from vpaas_api.cli import main

main(prog_name="vpaas")
