"""What can go wrong, in words for the person who has to put it right."""


class CollectorError(Exception):
    """The collector can't be built or started; the message is one line, ready to be shown."""
