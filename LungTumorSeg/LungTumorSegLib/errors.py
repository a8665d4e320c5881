"""The two ways in which work ends early without anybody being at fault.

Everything else that is raised is our fault: hosts show one line and write the traceback to the log.
"""


class InputRefused(ValueError):
    """The input cannot be used. The message is one line that says what is wrong and what to do."""


class Cancelled(Exception):
    """The user pressed Cancel. Nothing was changed."""
