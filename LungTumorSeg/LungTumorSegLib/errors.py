"""The ways in which work ends early without anybody being at fault.

Everything else that is raised is our fault: hosts show one line and write the traceback to the log.
"""


class InputRefused(ValueError):
    """The input cannot be used. The message is one line that says what is wrong and what to do."""


class AnswerNeeded(InputRefused):
    """The input can be used once the user has answered; the message names the command line's option.

    argument : of `volume.reading.read_ct`, that is the answer.
    """

    def __init__(self, message: str, argument: str):
        super().__init__(message)
        self.argument = argument


class Cancelled(Exception):
    """The user pressed Cancel. Nothing was changed."""
