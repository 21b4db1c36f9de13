"""What the original's three scripts share: the broker, as their first arguments name it."""

import signal

# Ctrl-C ends each script, also one that a shell has started in the background, where it would be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)


def connect(name, *more):
    """To `Kafka`, or to `Google_Pub_Sub creds.json project`. Gives the arguments that are left, too.

    Either broker puts JSON around every value, strings too.
    """
    if name == "Kafka":
        from kafka_broker import Broker

        return Broker(), more
    from pubsub_broker import Broker

    credentials, project, *left = more
    return Broker(credentials, project), left
