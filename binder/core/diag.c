/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diag.h"

void diag_report(struct diag *diag, const struct mistake *mistake)
{
	diag->mistakes++;
	diag->emit(diag, mistake);
}
