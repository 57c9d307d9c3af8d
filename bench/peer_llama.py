"""llama.cpp as the other side of bench/compare.py: the commands of step_bench, answered by llama-cpp-python.

Runs under a Python that has that package, never under ours: peer_llama.py MODEL.gguf STATES [NAME=VALUE ...]
STATES is a folder for computed prefixes; NAME is a field of llama_model_params or llama_context_params.
The KV mode is a word more than step_bench knows: `decode 16 1024 8 unified`; without it: split.
"""

import ctypes
import json
import os
import sys
import time

import llama_cpp as lc

PREFIX = 512  # tokens that are computed; a longer context repeats them at later positions, if it can
KV_PAD = 256  # the cells of a sequence are a multiple of it


def token(stream, position, vocab):
    """As step_bench has it, so that both sides route the same tokens to experts."""
    return 1 + (7919 * stream + 104729 * position) % (vocab - 1)


class Peer:
    def __init__(self, path, states, settings):
        self.states, self.settings = states, settings
        params = lc.llama_model_default_params()
        self.known = self.apply(params)
        self.model = lc.llama_model_load_from_file(path.encode(), params)
        if not self.model:
            raise RuntimeError(f"llama.cpp cannot load {path}")
        self.vocab = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(self.model))

    def apply(self, params):
        """Sets the fields that these parameters have; their names."""
        names = {name for name, _ in params._fields_} & set(self.settings)
        for name in names:
            setattr(params, name, self.settings[name])
        return names

    def open(self, streams, cells, unified, batch=PREFIX):
        params = lc.llama_context_default_params()
        params.n_ctx, params.n_seq_max, params.kv_unified = streams * cells, streams, unified
        params.n_batch = params.n_ubatch = max(batch, streams)
        params.n_threads = params.n_threads_batch = len(os.sched_getaffinity(0))
        params.flash_attn_type = lc.LLAMA_FLASH_ATTN_TYPE_ENABLED
        known = self.known | self.apply(params)
        if unknown := set(self.settings) - known:
            raise RuntimeError(f"llama.cpp has no parameter {', '.join(sorted(unknown))}")
        return Context(lc.llama_init_from_model(self.model, params), max(batch, streams), self.vocab)

    def prompt(self, tokens, chunk):
        context = self.open(1, padded(tokens), False, chunk)
        context.decode([(0, 0)])  # its buffers are touched for the first time
        context.forget(0)
        start = time.perf_counter()
        context.compute(0, tokens, chunk)
        seconds = time.perf_counter() - start
        context.close()
        return {"seconds": seconds}

    def decode(self, streams, length, steps, mode="split"):
        unified = mode == "unified" or streams == 1  # one stream: the same, but it can be lengthened
        scratch = 1 if unified else 0
        context = self.open(streams + scratch, padded(length + steps + 1), unified)
        self.fill(context, streams, length, unified)
        seconds = []
        for step in range(steps + 1):  # the first is not counted
            start = time.perf_counter()
            context.decode([(stream, length + step) for stream in range(streams)], every_logits=True)
            seconds.append(time.perf_counter() - start)
        context.close()
        return {"seconds": seconds[1:]}

    def fill(self, context, streams, length, unified):
        """Gives each stream `length` cells of its own."""
        computed = min(length, PREFIX) if unified else length
        shape = "unified" if unified else f"split-{streams}"  # states fit caches of one shape
        path = os.path.join(self.states, f"{shape}-{computed}.state").encode()
        if not os.path.exists(path):
            context.compute(0, computed, PREFIX)
            context.save(path, 0)
            context.forget(0)
        for stream in range(streams):
            if unified:
                context.lengthen(stream, path, computed, length, scratch=streams)
            else:
                context.load(path, stream)
            if lc.llama_memory_seq_pos_max(context.memory, stream) != length - 1:
                raise RuntimeError(f"llama.cpp did not take {length} tokens of stream {stream}")


class Context:
    def __init__(self, handle, capacity, vocab):
        if not handle:
            raise RuntimeError("llama.cpp cannot create a context")
        self.handle, self.vocab = handle, vocab
        self.memory = lc.llama_get_memory(handle)
        self.batch = lc.llama_batch_init(capacity, 0, 1)

    def close(self):
        lc.llama_batch_free(self.batch)
        lc.llama_free(self.handle)

    def decode(self, places, every_logits=False):
        """One batch: a token for each (stream, position)."""
        for i, (stream, position) in enumerate(places):
            self.batch.token[i], self.batch.pos[i] = token(stream, position, self.vocab), position
            self.batch.n_seq_id[i], self.batch.seq_id[i][0] = 1, stream
            self.batch.logits[i] = every_logits or i + 1 == len(places)
        self.batch.n_tokens = len(places)
        if status := lc.llama_decode(self.handle, self.batch):
            raise RuntimeError(f"llama_decode answers {status}")
        lc.llama_synchronize(self.handle)

    def compute(self, stream, length, chunk):
        for first in range(0, length, chunk):
            self.decode([(stream, p) for p in range(first, min(first + chunk, length))])

    def forget(self, stream):
        lc.llama_memory_seq_rm(self.memory, stream, -1, -1)

    def save(self, path, stream):
        if not lc.llama_state_seq_save_file(self.handle, path, stream, None, 0):
            raise RuntimeError("llama.cpp cannot save a sequence")

    def load(self, path, stream):
        tokens, count = (lc.llama_token * 1)(), ctypes.c_size_t()  # without room for tokens it loads nothing
        if not lc.llama_state_seq_load_file(self.handle, path, stream, tokens, 1, ctypes.byref(count)):
            raise RuntimeError("llama.cpp cannot load a sequence")

    def lengthen(self, stream, path, piece, length, scratch):
        """Loads the state again and again, each time at later positions, up to `length` of them."""
        for first in range(0, length, piece):
            self.load(path, scratch)
            lc.llama_memory_seq_rm(self.memory, scratch, length - first, -1)
            lc.llama_memory_seq_add(self.memory, scratch, 0, -1, first)
            lc.llama_memory_seq_cp(self.memory, scratch, stream, 0, -1)
            self.forget(scratch)


def padded(length):
    return -(-length // KV_PAD) * KV_PAD


def answer(peer, words):
    name, *rest = words
    numbers = [int(w) if w.isdigit() else w for w in rest]
    return {"prompt": peer.prompt, "decode": peer.decode}[name](*numbers)


def main(path, states, *settings):
    quiet = lc.llama_log_callback(lambda *_: None)
    lc.llama_log_set(quiet, None)
    settings = {name: int(value) for name, value in (s.split("=") for s in settings)}
    peer = Peer(path, states, settings)
    about = {"name": f"llama-cpp-python {lc.__version__}", "system": lc.llama_print_system_info().decode()}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        if line.split() == ["quit"]:
            break
        print(json.dumps(answer(peer, line.split())), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
