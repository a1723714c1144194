// This file lets the package declare main.main, whose body the linker knows.
