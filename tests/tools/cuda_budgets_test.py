"""tools/cuda_budgets.py reads what nvcc says and finds each way in which a kernel can be over its budget."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import cuda_budgets  # noqa: E402

KERNEL = "_ZN6sluice7kernels4cuda36_GLOBAL__N__db558056_3_a_cu_92ee671d6kernelINS1_3F16EEEvNS1_4ArgsE"
USAGE = f"""ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '{KERNEL}' for 'sm_80'
ptxas info    : Function properties for {KERNEL}
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 86 registers, used 1 barriers, 28672 bytes smem, 456 bytes cmem[0]
ptxas info    : Compiling entry function '{KERNEL}' for 'sm_90'
ptxas info    : Function properties for {KERNEL}
    SPILLS
ptxas info    : Used 72 registers, used 0 barriers
"""
GOOD = USAGE.replace("SPILLS", "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
BUDGET = {
    "attention/kernel<F16>": {
        "sm_80": {"registers": 86, "shared": 28672},
        "sm_90": {"registers": 80, "shared": 0},
    }
}


class Budgets(unittest.TestCase):
    def check(self, usage, budgets, *more):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "attention.usage").write_text(usage)
            path = pathlib.Path(folder, "budgets.json")
            path.write_text(json.dumps(budgets))
            with contextlib.redirect_stdout(io.StringIO()) as out:
                status = cuda_budgets.main([folder, "--budgets", str(path), *more])
            return status, out.getvalue(), json.loads(path.read_text())

    def test_within(self):
        status, text, _ = self.check(GOOD, BUDGET)
        self.assertEqual(status, 0, text)

    def test_over(self):
        for arch, figure, least in (("sm_80", "registers", 85), ("sm_80", "shared", 28671)):
            tight = json.loads(json.dumps(BUDGET))
            tight["attention/kernel<F16>"][arch][figure] = least
            status, text, _ = self.check(GOOD, tight)
            self.assertEqual(status, 1)
            self.assertIn(f"attention/kernel<F16> {arch}: {figure}", text)

    def test_spills_have_no_budget(self):
        spills = USAGE.replace("SPILLS", "16 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads")
        status, text, _ = self.check(spills, BUDGET)
        self.assertEqual(status, 1)
        self.assertIn("sm_90: 16 bytes of stack", text)
        self.assertIn("sm_90: 12 bytes of spills", text)

    def test_kernels_and_architectures_that_one_side_lacks(self):
        self.assertIn("has no budget", self.check(GOOD, {})[1])
        self.assertIn("not compiled", self.check(GOOD, BUDGET | {"attention/gone": {}})[1])
        less = {"attention/kernel<F16>": {"sm_80": BUDGET["attention/kernel<F16>"]["sm_80"]}}
        self.assertIn("sm_90: has no budget", self.check(GOOD, less)[1])
        self.assertEqual(self.check("", {})[0], 1)  # nothing measured is no pass

    def test_write(self):
        status, _, budgets = self.check(GOOD, {}, "--write")
        self.assertEqual(status, 0)
        self.assertEqual(budgets["attention/kernel<F16>"]["sm_90"], {"registers": 72, "shared": 0})

    def test_without_nvcc(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(cuda_budgets.main([""]), 77)
        self.assertIn("not checked", out.getvalue())


if __name__ == "__main__":
    unittest.main()
