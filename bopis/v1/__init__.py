"""Generated code of the protobuf package `bopis.v1`; see tools/gen_protos.py."""
