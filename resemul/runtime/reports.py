"""What libraries would report of their use to their makers, and that they do not."""

import os

# Newer versions of ONNX Runtime (1.32 is one) keep an identifier of the device and send
# what is done with them. The name of today, and that of versions before.
_FORBIDDING = ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED")


def forbid_reports() -> None:
    """Has ONNX Runtime report nothing; called before it is imported.

    Who has set the variable otherwise has chosen so.
    """
    for variable in _FORBIDDING:
        os.environ.setdefault(variable, "1")
