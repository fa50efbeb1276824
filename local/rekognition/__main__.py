"""python -m local.rekognition --port N --data DIR"""

from local.rekognition.service import main

raise SystemExit(main())
