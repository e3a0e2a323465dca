"""Checks an OpenAPI document: document.py URL"""

import json
import sys
import urllib.request

from openapi_spec_validator import OpenAPIV31SpecValidator

with urllib.request.urlopen(sys.argv[1]) as answer:
    document = json.load(answer)
errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
          for error in OpenAPIV31SpecValidator(document).iter_errors()]
print("\n".join(errors))
sys.exit(1 if errors else 0)
