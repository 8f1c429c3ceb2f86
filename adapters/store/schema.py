"""Which version of the log's schema this product works with, and what it says of another."""

VERSION = 2  # raise it with every change that an older or newer product could not work with


class WrongSchema(Exception):
    """There is no ledger in this database, or one of another version."""

    def __init__(self, found: int | None) -> None:
        if found is None:
            super().__init__("There is no ledger in this database; `daybook init` makes one.")
        elif found < VERSION:
            super().__init__(f"The ledger is of version {found} and this product of {VERSION}: run `daybook init`.")
        else:
            super().__init__(f"The ledger is of version {found}, newer than this product, which is of {VERSION}.")


def expect(found: int | None) -> None:
    """Raises `WrongSchema` unless the version found is ours."""
    if found != VERSION:
        raise WrongSchema(found)


def expect_none_newer(found: int | None) -> None:
    """Raises `WrongSchema` when a newer product has been here; an older ledger may be brought up."""
    if found is not None and found > VERSION:
        raise WrongSchema(found)
