"""See drop.pxd."""


def drop_names() -> list[str]:
    """The reasons in counter order, as they appear in statistics: `srtp_auth`, `rtp_malformed`, …"""
    names = {int(reason): reason.name for reason in DropReason if reason.name != "DROP_REASON_COUNT"}
    return [names[i].removeprefix("DROP_").lower() for i in sorted(names)]
