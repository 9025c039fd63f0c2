/** The documented example of the retired Azure service: 48 months, the 26th out of line. */
export const DOCUMENTED: readonly number[] = [
  826, 799, 890, 900, 961, 935, 894, 855, 809, 810, 766, 805, 821, 773, 883, 898, 957, 924, 881, 837, 784, 791, 760,
  802, 828, 1030, 889, 902, 969, 947, 908, 867, 815, 812, 773, 813, 834, 782, 892, 903, 966, 937, 896, 858, 817, 827,
  797, 843,
];
