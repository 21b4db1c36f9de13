"""The classes that onnxruntime gives the 10,000 test images, and the right ones.

    classes.py MODEL

Prints a line of JSON.
"""

import json
import sys

import best
import images

model = best.Model(sys.argv[1])
print(json.dumps({"classes": model.classes(images.test_images()), "labels": images.test_classes().tolist()}))
