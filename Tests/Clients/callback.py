"""Verifies callbacks as their receivers do: callback.py SECRET < REQUESTS

A line of REQUESTS is {"headers": {...}, "body": TEXT}. Of each a line is printed: its type, or why it is not verified.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
for line in sys.stdin:
    request = json.loads(line)
    try:
        print(webhook.verify(request["body"], request["headers"])["type"])
    except WebhookVerificationError as error:
        print(f"refused: {error}")
