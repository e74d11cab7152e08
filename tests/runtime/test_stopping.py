import signal

import pytest

from resemul.runtime.stopping import Stopped, signals_stop


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_the_block_as_ctrl_c_does(number, status):
    # Under nohup, say, the tests themselves are started with some signals ignored.
    outside = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt) as error, signals_stop():
            signal.raise_signal(number)
        assert isinstance(error.value, Stopped)
        assert error.value.exit_status == status
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, outside)


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_stop():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
