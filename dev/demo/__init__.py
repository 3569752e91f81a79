"""The main job, shown: a better model promotes itself, a worse one takes itself back."""
