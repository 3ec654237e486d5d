# Tested on all test clips, as published, and on those that are no copies of training clips: the
# file's xview_test and xview_clean_test.
_base_ = '../_base_/datasets/nw-ucla_xview.py'
