"""Checks an OpenAPI document: document.py URL [KEY]"""

import json
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

headers = {"Authorization": f"Bearer {key}" for key in sys.argv[2:]}
with urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers=headers)) as answer:
    document = json.load(answer)
errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
          for error in OpenAPIV31SpecValidator(document).iter_errors()]
print("\n".join(errors))
sys.exit(1 if errors else 0)
