/** How the sample server introduces itself, in both eras. */
export const serverInfo = { name: 'gatehouse-sample', title: 'Gatehouse sample server', version: '1.0.0' };

export const instructions = 'A sample server. Call `whoami` to see which identity the gatehouse passed on.';
